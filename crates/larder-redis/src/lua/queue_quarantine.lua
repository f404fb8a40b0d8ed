-- Moves a write to the quarantine. Returns 'moved', 'gone' if it is no longer in the queue, or
-- 'lost' if the caller has no right to read.
-- KEYS: state, writes, quarantined, ids, reader.
-- ARGV: the reader; the place, the sequence number and the key of the write; the error.
if reader_of(KEYS[5]) ~= ARGV[1] then
  return 'lost'
end
local write = write_at(ARGV[2])
if not write or write.key ~= ARGV[4] or write.sequence ~= ARGV[3] then
  return 'gone'
end
hold(write, ARGV[5])
renew_mark(write.key, tonumber(redis.call('HGET', state, 'last')) or tonumber(write.place), 0)
return 'moved'
