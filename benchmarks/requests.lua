-- wrk's script: send the bodies of a file, one after another, over and over. The file holds, for each body, its length
-- as a line and then its bytes. At the end one line of JSON says what came back.
local requests, number = {}, 0

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    for line in function() return file:read("*l") end do
        requests[#requests + 1] = wrk.format("POST", nil, nil, file:read(tonumber(line)))
    end
    file:close()
end

function request()
    number = number % #requests + 1
    return requests[number]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"refused":%d,"broken":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f}\n',
        summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
    ))
end
