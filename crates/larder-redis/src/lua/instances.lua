-- The beginning of every script about the instances. All keys share the slot of the log.
local sights, records = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Removes these instances.
local function forget(ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', sights, id)
    redis.call('HDEL', records, id)
  end
end

