-- Of a message that waited: what its publisher had no right to any more when it came. JSON, an array;
-- NULL: it did not wait, or never came.
ALTER TABLE messages ADD COLUMN refused TEXT;
