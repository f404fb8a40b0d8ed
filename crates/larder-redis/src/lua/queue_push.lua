-- Pushes the writes of one batch. queue_push_batch.lua describes the keys, the arguments and the
-- answer.
return push_batch(1, 1, nil)
