-- Stores a response, unless the stored one has the same incarnation and a higher position (rule
-- 16).
-- KEYS: the response; the lease to release with it, if there is one.
-- ARGV: the value; its expiry time in milliseconds; the token of the lease's holder.
local key, value, expiry = KEYS[1], ARGV[1], ARGV[2]
local lease, token = KEYS[2], ARGV[3]

local there = redis.pcall('GETRANGE', key, 0, HEAD - 1)

local function outranked()
  return has_position(there) and has_position(value) and same_incarnation(there, value) and beyond(there, value)
end

-- This write comes first, because a full server rejects only the first write of a script. The lease
-- is removed even if this write is rejected.
local done = outranked() or redis.pcall('SET', key, value, 'PX', expiry)
if is_reference(there) and not is_reference(value) and type(done) == 'table' and done.ok then
  redis.call('UNLINK', key .. BODY)
end
if lease and redis.pcall('GETRANGE', lease, 0, 15) == token then
  redis.call('UNLINK', lease)
end
return done
