-- Stores a response unless what is there is of the same incarnation and of a higher position (rule 16).
-- KEYS: the response's key. ARGV: the value; its expiry in milliseconds.
local key, value, expiry = KEYS[1], ARGV[1], ARGV[2]

local there = redis.pcall('GETRANGE', key, 0, HEAD - 1)
if has_position(there) and has_position(value) and same_incarnation(there, value) and beyond(there, value) then
  return 0
end
redis.call('SET', key, value, 'PX', expiry)
return 1
