-- Gives the lease to the caller, or returns why not: another response was stored, another holder
-- has the lease, the holder that the caller waits for has ended, or the response is uncacheable.
-- KEYS: the response; its lease; the fill result of the holder that the caller waits for, if it
-- waits for one.
-- ARGV: the claim, whose first 16 bytes are its token; the lifetime of the lease in milliseconds;
-- the last 8 bytes of the response that the caller cannot use, or ''; the token of the holder whose
-- lease the caller takes over, or ''.
local response, lease, word = KEYS[1], KEYS[2], KEYS[3]
local claim, life, seen, overtaken = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local there = redis.pcall('GETRANGE', response, -8, -1)
if type(there) == 'string' and #there == 8 and there ~= seen then
  return { 'stored', redis.call('GET', response) }
end

local left = word and redis.pcall('GET', word)
if type(left) == 'string' then
  return { 'word', left }
end

local holder = redis.pcall('GET', lease)
if holder == 'pass' then
  return { 'pass' }
end
if type(holder) == 'string' and string.sub(holder, 1, 16) ~= overtaken then
  return { 'held', holder }
end
redis.call('SET', lease, claim, 'PX', life)
return { 'taken' }
