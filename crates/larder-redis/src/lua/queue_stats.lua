-- Returns the number of entries, their bytes, the number of dead letters, their bytes, the sequence
-- number of the first entry or '', its age in microseconds, and the reader or ''.
-- KEYS: state, writes, quarantined, ids, reader.
local numbers = redis.call('HMGET', state, 'bytes', 'dead', 'dead_bytes')
local first = redis.call('XRANGE', writes, '-', '+', 'COUNT', 1)[1]
local write = first and write_of(first)
local age = write and microseconds() - tonumber(write.sequence) or 0
return {
  redis.call('XLEN', writes),
  numbers[1] or '0',
  numbers[2] or '0',
  numbers[3] or '0',
  write and write.sequence or '',
  digits(math.max(0, age)),
  reader_of(KEYS[5]) or '',
}
