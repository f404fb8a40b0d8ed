-- The beginning of every script that compares stored responses. A stored response contains its own
-- position, at the same place in every version of the wire format: bytes 0 and 1 are its magic, 4
-- to 19 the incarnation, 20 to 35 the log id, big-endian. Lua counts from 1.
local MAGIC, HEAD = 'LR', 36

local function has_position(value)
  return type(value) == 'string' and #value >= HEAD and string.sub(value, 1, 2) == MAGIC
end

-- Whether the value is a reference: the response itself is under the same name with BODY. The
-- version in byte 2 of a reference is 0.
local BODY = ':body'

local function is_reference(value)
  return has_position(value) and string.byte(value, 3) == 0
end

local function same_incarnation(a, b)
  return string.sub(a, 5, 20) == string.sub(b, 5, 20)
end

-- Compares byte by byte, because Lua's own comparison of strings follows the server's locale.
local function beyond(a, b)
  for i = 21, HEAD do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x > y
    end
  end
  return false
end

