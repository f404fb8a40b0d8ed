-- Packs: entries of a partition's Stream with several writes. Their places are consecutive. The id
-- of the entry is the last of them and '-0', so that the entry of a place is the first one from
-- there on. Its fields are 'p' with the index and 'c' with the contents. The index has for each
-- write its kind, and the sizes of its key and of its payload: 'v3,100d4,0'. The contents are the
-- keys and the payloads, in this order.
-- A write cannot be taken out of a pack. So a field of the state says which of them are settled:
-- 'e' and the last place, with a '1' or a '0' for each write. It is missing while none is. With the
-- last write, the pack is removed.

local INDEX = '([vdo])(%d+),(%d+)'

-- Returns the writes with this index and these contents, or nil if the two do not fit together.
-- Each of them has `key`, `kind` and `payload`.
local function unpacked(index, contents)
  local all, from = {}, 1
  for kind, key_size, size in string.gmatch(index, INDEX) do
    local payload_from = from + tonumber(key_size)
    local key = string.sub(contents, from, payload_from - 1)
    from = payload_from + tonumber(size)
    all[#all + 1] = { key = key, kind = kind, payload = string.sub(contents, payload_from, from - 1) }
  end
  return #all > 0 and from == #contents + 1 and all or nil
end

-- Returns the flags of the settled writes in a pack of `count` writes.
local function flags_of(state, last, count)
  local flags = redis.call('HGET', state, 'e' .. last)
  return flags and #flags == count and flags or string.rep('0', count)
end

-- Settles writes of a pack of `count` writes: the indexes in `settled`, from 1 on. `last` is its
-- last place. Returns how many were not settled before, and whether the pack was removed.
local function settle_in_pack(state, writes, last, count, settled)
  local flags, changed = flags_of(state, last, count), 0
  for _, at in ipairs(settled) do
    if string.sub(flags, at, at) == '0' then
      flags = string.sub(flags, 1, at - 1) .. '1' .. string.sub(flags, at + 1)
      changed = changed + 1
    end
  end
  if string.find(flags, '0', 1, true) then
    redis.call('HSET', state, 'e' .. last, flags)
    return changed, false
  end
  redis.call('XDEL', writes, last .. '-0')
  redis.call('HDEL', state, 'e' .. last)
  return changed, true
end

-- Returns what the state says about the pending value of a key: 'p' and its place in a pack, 'w' and
-- its place in an entry of its own, or 'd' and its sequence number; and after 'w' and 'd', its size.
-- Returns nil if there is none, or if the text is none of ours.
local function index_of(text)
  local where, number, size = string.match(text or '', '^([wd])(%d+) (%d+)$')
  number = number or string.match(text or '', '^%d+$')
  if number and #number <= 16 then
    return where or 'p', number, tonumber(size)
  end
end
