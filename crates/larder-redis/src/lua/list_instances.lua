-- Returns for each instance its id, the milliseconds since its last announcement, and its lag and
-- record.
-- ARGV: after how many milliseconds an instance is forgotten; the maximum number of instances; the
-- maximum size of a record with its lag.
local kept, most, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local seen = redis.call('ZRANGE', sights, now + kept, now - kept, 'BYSCORE', 'REV', 'LIMIT', 0, most, 'WITHSCORES')
local ids = {}
for i = 1, #seen, 2 do
  ids[#ids + 1] = seen[i]
end
if #ids == 0 then
  return {}
end
local found = redis.call('HMGET', records, unpack(ids))
local answer = {}
for i, id in ipairs(ids) do
  local record = found[i]
  if type(record) == 'string' and #record <= most_bytes then
    answer[#answer + 1] = { id, math.max(0, now - tonumber(seen[2 * i])), record }
  end
end
return answer
