-- A letter for the call. ARGV: letter, who posts it ('' = unnumbered), its serial. Answers ended, unknown, full, or posted
-- and the owner. A serial not above the last one of who posts was posted before: its answer was lost on the way.
local letter, poster, serial = take(), take(), takeNumber()
local state = status()
if not state then return { 'unknown' } end
if FINAL[state] then return { 'ended' } end
local last = '_posted:' .. poster
if poster ~= '' and serial <= tonumber(redis.call('HGET', CALL, last) or '0') then return { 'posted', owner() } end
if full(BOX, 1) then return { 'full' } end
if poster ~= '' then redis.call('HSET', CALL, last, serial) end
put(BOX, '_box', letter)
keepTime(BOX)
return { 'posted', owner() }
