-- Extends the right to read, or ends it, if the caller has it. Returns '1' if so, or '0'.
-- KEYS: reader. ARGV: the reader; the lifetime in milliseconds, or '' to end the right.
if reader_of(KEYS[1]) ~= ARGV[1] then
  return '0'
elseif ARGV[2] == '' then
  redis.call('UNLINK', KEYS[1])
else
  set_reader(KEYS[1], ARGV[1], tonumber(ARGV[2]))
end
return '1'
