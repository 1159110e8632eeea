"""The table of telemetry, beside the tables of runs: its Parquet schema and docs/telemetry.md come from it.

Its columns are the fields of ``openleo.fleet.sample.Sample``, in their order, and ``device``: who sent it.
"""

from openleo.snapshot.tables import Table, columns_of

TELEMETRY_VERSION = 1

TELEMETRY = Table(
    name="telemetry",
    row="one sample: what one source saw of one terminal over a few seconds",
    chunked=True,
    sort=("terminal", "time_ns"),
    columns=columns_of("""
        terminal | text | | name of the terminal
        time_ns | int64 | ns | Unix time, UTC, at which the period ended
        period_s | int16 | s | how long the period was
        source | text | | who saw it: dish, enterprise, model
        boot | int64 | | the dish's count of starts
        counter | int64 | s | the dish's count of seconds since its start
        reachable | bool | | false: it was asked and did not answer
        downlink_mbps | float32 | Mbit/s | mean over the period
        uplink_mbps | float32 | Mbit/s | mean over the period
        ping_drop | float32 | 0 to 1 | pings to the point of presence that were lost, over the period
        ping_latency_ms | float32 | ms | mean round trip to the point of presence
        obstructed | float32 | 0 to 1 | share of time that was obstructed, a moving average
        uptime_s | int64 | s | since the dish started
        signal_quality | float32 | 0 to 1 | as the vendor's telemetry has it
        cell | uint64 | | H3 index, resolution 5, as a number
        country | text | | ISO 3166 alpha-2 code
        software | text | | version that runs
        reboot_in_s | int64 | s | until an update may restart it, -1 none waits
        alerts | codes | | codes of the vendor's telemetry that are active
        outage | text | | cause as the terminal's API names it, empty while in service
        outage_since_ns | int64 | ns | Unix time at which the outage began
        disablement | text | | OKAY, or why service is refused
        power_w | float32 | W | mean over the period
        gps_valid | bool | | it knows where it is
        gps_satellites | int32 | | satellites of the positioning system in use
        latitude_deg | float64 | deg | geodetic; in the history the centre of an H3 cell of resolution 7
        longitude_deg | float64 | deg | geodetic; in the history the centre of an H3 cell of resolution 7
        stowed | bool | | it is folded for transport
        device | text | | who sent it: an agent, a terminal, or empty for this machine
    """),
)

MINUTES = Table(
    name="minutes",
    row="one terminal over one minute, all sources together",
    chunked=True,
    sort=("terminal", "time_ns"),
    columns=columns_of("""
        terminal | text | | name of the terminal
        time_ns | int64 | ns | Unix time, UTC, at which the minute began
        samples | int32 | | how many samples it is made of
        seconds | int32 | s | how much of the minute they tell of, at most 60
        downlink_s | int32 | s | how much of the minute downlink_mbps is of, at most 60
        uplink_s | int32 | s | how much of the minute uplink_mbps is of, at most 60
        reachable | float32 | 0 to 1 | share of the samples in which it answered
        downlink_mbps | float32 | Mbit/s | mean
        downlink_max_mbps | float32 | Mbit/s | highest of the samples
        uplink_mbps | float32 | Mbit/s | mean
        uplink_max_mbps | float32 | Mbit/s | highest of the samples
        ping_drop | float32 | 0 to 1 | mean
        ping_latency_ms | float32 | ms | mean
        ping_latency_max_ms | float32 | ms | highest of the samples
        obstructed | float32 | 0 to 1 | mean
        signal_quality | float32 | 0 to 1 | mean
        power_w | float32 | W | mean
        in_service | float32 | 0 to 1 | share of the samples that answer and tell of no outage
        uptime_s | int64 | s | last
        boot | int64 | | last
        cell | uint64 | | last
        country | text | | last
        software | text | | last
        outage | text | | the last that is none of service, if any
        disablement | text | | last
        alerts | codes | | codes that were active at some time
    """),
)
