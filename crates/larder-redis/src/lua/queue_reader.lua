-- The record of a partition's reader: its id, until when it may read, and for how long it may in
-- all, in microseconds. The record does not expire: a full server would evict it with the stored
-- responses. If the clock goes back, too much time is left, and the record counts as expired.

local function microseconds()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Returns the reader that has the right to read now, if there is one.
local function reader_of(record)
  local text = redis.call('GET', record)
  local id, deadline, ttl = string.sub(text or '', 1, 16), string.match(text or '', ' (%d+) (%d+)$', 17)
  local left = deadline and tonumber(deadline) - microseconds()
  if left and left > 0 and left <= tonumber(ttl) then
    return id
  end
end

-- Gives the right to read to a reader for some milliseconds.
local function set_reader(record, id, millis)
  local ttl = millis * 1000
  redis.call('SET', record, id .. string.format(' %.0f %.0f', microseconds() + ttl, ttl))
end
