-- Returns '1' if there are more keys in quarantine than the answer has, or '0'; the sequence number
-- of the last one, or ''; and for each key: itself, the sequence number, the kind and the payload
-- of its oldest dead letter, the error, and the number of dead letters behind it.
-- KEYS: state, writes, quarantined, ids.
-- ARGV: the sequence number after which to begin, or ''; the maximum number of keys.
local MAX_BYTES = 1048576

local max = tonumber(ARGV[2])
local from = ARGV[1] == '' and '-inf' or '(' .. ARGV[1]
local found = redis.call('ZRANGE', quarantined, from, '+inf', 'BYSCORE', 'LIMIT', 0, max + 1, 'WITHSCORES')
local answer, bytes = { '0', '' }, 0
for i = 1, #found, 2 do
  local key = found[i]
  if i > max * 2 or bytes > MAX_BYTES then
    answer[1] = '1'
    break
  end
  answer[2] = digits(tonumber(found[i + 1]))
  local dead = dead_of(key)
  local member = redis.call('ZRANGE', dead, 0, 0)[1]
  local write = member and dead_write(key, member)
  if write then
    local behind = redis.call('ZCARD', dead) - 1
    answer[#answer + 1] = { key, write.sequence, write.kind, write.payload, write.message, behind }
    bytes = bytes + size_of(write)
  end
end
return answer
