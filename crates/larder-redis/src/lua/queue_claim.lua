-- Gives the right to read to the caller, if no other reader has it. Returns 'yes' or 'no'. Returns
-- 'other' and 'new' as a push does.
-- KEYS: state, reader.
-- ARGV: the number of partitions; the reader; the lifetime in milliseconds; '1' if the number is
-- that of the collection, or ''.
local setup = redis.call('HGET', KEYS[1], 'setup')
if not setup and ARGV[4] == '' then
  return { 'new' }
elseif setup and string.match(setup, '^%d+') ~= ARGV[1] then
  return { 'other', setup }
end
local reader = reader_of(KEYS[2])
if reader and reader ~= ARGV[2] then
  return { 'no' }
end
set_reader(KEYS[2], ARGV[2], tonumber(ARGV[3]))
return { 'yes' }
