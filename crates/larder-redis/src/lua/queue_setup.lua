-- Returns the setup of a collection: the number of its partitions, and the kind of its writes. If
-- there is none, this stores the caller's, or returns '' if the caller has none.
-- KEYS: the setup. ARGV: the caller's setup, or ''.
local there = redis.call('GET', KEYS[1])
if there or ARGV[1] == '' then
  return there or ''
end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
