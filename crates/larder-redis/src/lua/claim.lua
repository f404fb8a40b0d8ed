-- Gives the caller the lease, or says why it needs none: something else was stored, somebody else has it, or the one it
-- waits for has ended.
-- KEYS: the response's key; its lease; where the holder that is waited for leaves its word, if one is.
-- ARGV: the claim, whose first 16 bytes are its token; the lease's life in milliseconds; the last bytes of the response
-- that is of no use to the caller, or ''; the token of the holder that is to be overtaken, or ''.
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
