-- Extends a lease, if the caller still holds it.
-- KEYS: the lease. ARGV: the holder's token; the lifetime in milliseconds.
if redis.pcall('GETRANGE', KEYS[1], 0, 15) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
