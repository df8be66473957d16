-- What was refused of a scheduled message, as it was at that moment. JSON; of message.refused alone.
ALTER TABLE webhook_events ADD COLUMN refusal TEXT;
-- How many topics publishers own.
CREATE INDEX owned_topics ON topics (owner) WHERE owner IS NOT NULL;
-- Whether anybody reads, or has read, a topic.
CREATE INDEX subscriptions_of_topic ON subscriptions (topic);
