-- Gives a lease up, if it still is its owner's: who lost it has nothing to say.
-- KEYS: the lease; where a word is left to those who wait, if one is.
-- ARGV: the owner's token; for how long nobody is to wait for the lease, in milliseconds, or ''; the word; its life.
local lease, word = KEYS[1], KEYS[2]
local token, pass = ARGV[1], ARGV[2]

if redis.pcall('GETRANGE', lease, 0, 15) ~= token then
  return 0
end
-- Before any other write: after the first one, a server that is full refuses no more. The lease goes all the same.
local done
if pass ~= '' then
  done = redis.pcall('SET', lease, 'pass', 'PX', pass)
elseif word then
  done = redis.pcall('SET', word, ARGV[3], 'PX', ARGV[4])
end
if pass == '' or done.err then
  redis.call('UNLINK', lease)
end
return done
