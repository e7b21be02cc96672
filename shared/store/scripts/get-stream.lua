-- One stream by name or sid. ARGV: name or sid, names of the fields. Answers the values, or nil.
local wanted, names = take(), takeMany()
local sid = redis.call('HGET', STREAMS, 'name:' .. wanted) or wanted
local fields = {}
for i, name in ipairs(names) do fields[i] = sid .. ':' .. name end
local values = redis.call('HMGET', STREAMS, unpack(fields))
if not values[1] then return nil end
return values
