-- Appending entries to the Stream, within its maximum size.

-- OVERHEAD: the bytes that Redis needs for an event beside its texts.
-- PARTS: the maximum size of the Stream is divided into this many parts. The Stream is measured
-- about once for each part that is added, because measuring takes a moment for each of its nodes.
local OVERHEAD, PARTS = 24, 64

-- Returns how many entries to keep, and how many may be removed for that at once. `added` is the
-- size of the new events, `fresh` a random id, and `keep` and `most_bytes` are the limits.
local function room_for(added, fresh, keep, most_bytes)
  local chance = tonumber(string.sub(fresh, 1, 8), 16) / 4294967296
  if added * PARTS < most_bytes * chance then
    return keep, nil
  end
  local used = redis.pcall('MEMORY', 'USAGE', events, 'SAMPLES', 0)
  -- Scripts may not measure the Stream, or it is small enough.
  if type(used) ~= 'number' or used + added <= most_bytes then
    return keep, nil
  end
  local length = 0
  local flat = redis.call('XINFO', 'STREAM', events)
  for i = 1, #flat, 2 do
    length = flat[i] == 'length' and flat[i + 1] or length
  end
  local share = math.max(most_bytes - added, 0) / used
  return math.max(1, math.min(keep, math.floor(length * share * 0.75))), 0
end

-- Adds one entry, within the room that `room_for` has returned. Returns its id.
local function add_entry(kept, limit, fields, first, last)
  if limit then
    return redis.call('XADD', events, 'MAXLEN', '~', kept, 'LIMIT', limit, '*', unpack(fields, first, last))
  end
  return redis.call('XADD', events, 'MAXLEN', '~', kept, '*', unpack(fields, first, last))
end
