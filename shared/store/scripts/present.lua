-- Who is there. KEYS: hash. ARGV: 'present' or 'gone'. The gone are removed as they are told: told once.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted = ARGV[1]
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local untilMs, state = string.match(all[i + 1], '^(%d+) (.*)$')
  local isThere = tonumber(untilMs) > now
  if isThere == (wanted == 'present') then
    found[#found + 1] = all[i]
    found[#found + 1] = state
    if not isThere then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
return found
