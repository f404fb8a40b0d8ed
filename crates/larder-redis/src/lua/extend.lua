-- Keeps a lease for longer, if it still is its owner's.
-- KEYS: the lease. ARGV: the owner's token; the life in milliseconds.
if redis.pcall('GETRANGE', KEYS[1], 0, 15) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
