-- Releases a lease, if the caller still holds it. A holder that lost its lease changes nothing.
-- KEYS: the lease; the place for a fill result, if one is left for callers that wait.
-- ARGV: the holder's token; for how many milliseconds no caller is to wait for the lease, or '';
-- the fill result; its lifetime in milliseconds; for how many milliseconds no caller that can wait
-- is to take the lease, or ''.
local lease, word = KEYS[1], KEYS[2]
local token, pass, later = ARGV[1], ARGV[2], ARGV[5] or ''

if redis.pcall('GETRANGE', lease, 0, 15) ~= token then
  return 0
end
-- This write comes first, because a full server rejects only the first write of a script. The lease
-- is removed even if this write is rejected.
local done
if pass ~= '' then
  done = redis.pcall('SET', lease, 'pass', 'PX', pass)
elseif word then
  done = redis.pcall('SET', word, ARGV[3], 'PX', ARGV[4])
end
if later ~= '' and not done.err then
  redis.call('SET', lease, 'later', 'PX', later)
elseif pass == '' or done.err then
  redis.call('UNLINK', lease)
end
return done
