-- Checkpoints beside the Stream. They let a caller that is new to the incarnation skip entries that
-- it could not remember. Polls write them, because a poll knows how many entries were ever added,
-- by any instance, and follows each append anyway.
-- The value is the incarnation, and then for each checkpoint, newest first, how many entries had
-- been added by then and the id of the last of them:
-- '<32 digits> 8192=1763856000456-0 4096=1763856000123-7'
-- A poll continues whatever the value is. A checkpoint counts only while its entry is in the
-- Stream, so that no entry is skipped without being reported as missing.

-- The number of entries between two checkpoints, the maximum number of checkpoints, and the maximum
-- number of bytes for one.
local APART, MOST, BYTES = 4096, 1024, 60

-- Returns the checkpoints of this incarnation that are in the first `bytes` bytes.
local function left_of(id, bytes)
  local text = redis.pcall('GETRANGE', marks, 0, #id + bytes)
  if type(text) ~= 'string' or string.sub(text, 1, #id + 1) ~= id .. ' ' then
    return ''
  end
  return string.sub(text, #id + 2)
end

-- Iterates over the checkpoints, up to the first item that is none. The text behind it is not
-- searched, so it takes no time, however long it is.
local function each_mark(id)
  local text, from = left_of(id, MOST * BYTES), 1
  return function()
    local _, last, at, entry = string.find(text, '^(%d+)=(%d+%-%d+) ?', from)
    from = (last or #text) + 1
    return at, entry
  end
end

-- Returns the id of the newest checkpoint with at least `entries_after` entries after it, if its
-- entry is still there.
local function mark_before(id, added, entries_after)
  for at, entry in each_mark(id) do
    if added - tonumber(at) >= entries_after then
      local there = redis.pcall('XRANGE', events, entry, entry)
      return there[1] and entry
    end
  end
  return nil
end

-- Writes a checkpoint at the last entry, with the id `newest`, if enough entries were added
-- since the previous one, and drops checkpoints whose entry is gone.
local function leave_mark(id, added, length, newest)
  local last = tonumber(string.match(left_of(id, BYTES), '^(%d+)=')) or 0
  local due = last > added or added - last >= APART
  if not newest or added < APART or not due then
    return
  end
  local kept = { string.format('%.0f=%s', added, newest) }
  for at, entry in each_mark(id) do
    if tonumber(at) < added and tonumber(at) > added - length and #kept < MOST then
      kept[#kept + 1] = at .. '=' .. entry
    end
  end
  redis.call('SET', marks, id .. ' ' .. table.concat(kept, ' '))
end
