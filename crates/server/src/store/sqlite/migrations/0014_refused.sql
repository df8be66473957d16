-- Of a message that waited: what its publisher had no right to any more at its time. JSON, an array;
-- NULL: it did not wait, or its time has not come.
ALTER TABLE messages ADD COLUMN refused TEXT;
-- All others came in the order of their numbers.
CREATE INDEX came_later ON messages (created_at) WHERE refused IS NOT NULL;
