-- Returns the number of writes, the bytes of their entries, the number of dead letters, their bytes,
-- the sequence number of the first write or '', its age in microseconds, and the reader or ''.
-- KEYS: state, writes, quarantined, ids, reader.
local numbers = redis.call('HMGET', state, 'bytes', 'dead', 'dead_bytes', 'extra')
local first = redis.call('XRANGE', writes, '-', '+', 'COUNT', 1)[1]
local write = first and (writes_of(first) or {})[1]
local age = write and microseconds() - tonumber(write.sequence) or 0
return {
  redis.call('XLEN', writes) + math.max(0, tonumber(numbers[4]) or 0),
  numbers[1] or '0',
  numbers[2] or '0',
  numbers[3] or '0',
  write and write.sequence or '',
  digits(math.max(0, age)),
  reader_of(KEYS[5]) or '',
}
