-- Stores a response unless what is there is of the same incarnation and of a higher position (rule 16).
-- KEYS: the response's key; the lease to give up with it, if there is one.
-- ARGV: the value; its expiry in milliseconds; the token of the lease's owner.
local key, value, expiry = KEYS[1], ARGV[1], ARGV[2]
local lease, token = KEYS[2], ARGV[3]

-- Both say of themselves where they belong, in every version of the wire form: bytes 0 and 1 are its magic, 4 to 19 the
-- incarnation, 20 to 35 the log id, big-endian. Lua counts from 1.
local MAGIC, HEAD = 'LR', 36

-- Byte by byte, as Lua's own comparison of strings follows the server's locale.
local function beyond(a, b)
  for i = 21, HEAD do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x > y
    end
  end
  return false
end

local function outranked()
  local there = redis.pcall('GETRANGE', key, 0, HEAD - 1)
  return type(there) == 'string' and #there == HEAD and #value >= HEAD
    and string.sub(there, 1, 2) == MAGIC and string.sub(value, 1, 2) == MAGIC
    and string.sub(there, 5, 20) == string.sub(value, 5, 20)
    and beyond(there, value)
end

-- Before any other write: after the first one, a server that is full refuses no more. The lease goes all the same.
local done = outranked() or redis.pcall('SET', key, value, 'PX', expiry)
if lease and redis.pcall('GETRANGE', lease, 0, 15) == token then
  redis.call('UNLINK', lease)
end
return done
