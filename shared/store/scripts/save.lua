-- The owner's write. ARGV: epoch, serial (0 = unnumbered), retention in ms, time of the end as JSON,
-- patch (pairs), entries, callbacks, letters to the gateway, stream patches (pairs `sid:field`, JSON).
-- A serial not above the last one was applied before: its answer was lost on the way.
local epoch, serial, retentionMs, endedAt = take(), takeNumber(), takeNumber(), take()
local patch, entries, callbacks, letters, streams = takeMany(), takeMany(), takeMany(), takeMany(), takeMany()
local where = standing(epoch)
if where ~= 'current' then return where end
if serial > 0 then
  if serial <= tonumber(redis.call('HGET', CALL, '_serial') or '0') then return 'done' end
end
if full(GATEWAY_BOX, #letters) then return 'full' end
if serial > 0 then redis.call('HSET', CALL, '_serial', serial) end

local before = status()
for i = 1, #streams, 2 do
  local sid, field = string.match(streams[i], '^(%w+):(%w+)$')
  -- What was stopped by the end of the call stays stopped.
  if redis.call('HEXISTS', STREAMS, sid .. ':status') == 1 then
    redis.call('HSET', STREAMS, streams[i], streams[i + 1])
    if field == 'status' and STREAM_FINAL[streams[i + 1]] then redis.call('HDEL', LIVE, sid) end
  end
end
for i = 1, #patch, 2 do
  if not (patch[i] == 'status' and FINAL[before]) then redis.call('HSET', CALL, patch[i], patch[i + 1]) end
end
for _, json in ipairs(letters) do put(GATEWAY_BOX, '_gateway', json) end
for _, json in ipairs(callbacks) do put(OUTBOX, '_outbox', json, OUTBOX_CAP) end
record(entries)

if FINAL[before] then
  keepTime(TIMELINE, GATEWAY_BOX, OUTBOX)
elseif FINAL[status()] then
  finish(retentionMs, endedAt)
end
return 'done'
