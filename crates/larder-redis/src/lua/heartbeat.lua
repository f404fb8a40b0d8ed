-- Writes the log's heartbeat, and nothing else.
redis.call('SET', KEYS[1], redis.call('TIME')[1])
return 1
