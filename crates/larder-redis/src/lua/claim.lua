-- Gives the lease to the caller, or returns why not: another response was stored, another holder
-- has the lease, the holder that the caller waits for has ended, the handler has failed a moment
-- ago, or the response is uncacheable.
-- KEYS: the response; its lease; the fill result of the holder that the caller waits for, if it
-- waits for one.
-- ARGV: the claim, whose first 16 bytes are its token; the lifetime of the lease in milliseconds;
-- the last 8 bytes of the response that the caller cannot use, or ''; the token of the holder whose
-- lease the caller takes over, or ''; '1' if the caller can wait after a failure, or ''.
local response, lease, word = KEYS[1], KEYS[2], KEYS[3]
local claim, life, seen, overtaken, patient = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

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
if holder == 'later' then
  if patient ~= '' then
    return { 'later', redis.call('PTTL', lease) }
  end
elseif type(holder) == 'string' and string.sub(holder, 1, 16) ~= overtaken then
  return { 'held', holder }
end
redis.call('SET', lease, claim, 'PX', life)
return { 'taken' }
