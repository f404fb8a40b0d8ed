-- Stores a response unless what is there is of the same incarnation and of a higher position (rule 16).
-- KEYS: the response's key; the lease to give up with it, if there is one.
-- ARGV: the value; its expiry in milliseconds; the token of the lease's owner.
local key, value, expiry = KEYS[1], ARGV[1], ARGV[2]
local lease, token = KEYS[2], ARGV[3]

local function outranked()
  local there = redis.pcall('GETRANGE', key, 0, HEAD - 1)
  return has_position(there) and has_position(value) and same_incarnation(there, value) and beyond(there, value)
end

-- Before any other write: after the first one, a server that is full refuses no more. The lease goes all the same.
local done = outranked() or redis.pcall('SET', key, value, 'PX', expiry)
if lease and redis.pcall('GETRANGE', lease, 0, 15) == token then
  redis.call('UNLINK', lease)
end
return done
