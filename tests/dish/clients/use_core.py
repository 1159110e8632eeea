"""What starlink-grpc-core sees of dishes: one JSON object a line for each address.

It runs in an environment of its own.  With ``--controls`` it also tells the first dish what to do.
"""

import json
import math
import sys

import starlink_grpc as core


def plain(value):
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def seen(address):
    context = core.ChannelContext(target=address)
    status, obstruction, alerts = core.status_data(context)
    general, bulk = core.history_bulk_data(-1, context=context)
    stats = core.history_stats(-1, context=context)
    grid = core.obstruction_map(context)
    found = {
        "id": core.get_id(context),
        "status": status,
        "obstruction": obstruction,
        "alerts": alerts,
        "location": core.location_data(context),
        "sleep": core.get_sleep_config(context),
        "samples": general["samples"],
        "end_counter": general["end_counter"],
        "drop": bulk["pop_ping_drop_rate"][-5:],
        "power": bulk.get("power_w", [])[-1:],
        "usage": stats[-2],
        "consumption": stats[-1],
        "map": [len(grid), len(grid[0]), max(max(row) for row in grid)],
        "fields": core.status_field_names(context)[2][:3],
    }
    context.close()
    return plain(found)


def control(address):
    context = core.ChannelContext(target=address)
    core.set_stow_state(unstow=False, context=context)
    core.set_sleep_config(30, 60, True, context=context)
    core.set_gps_config(False, context=context)
    core.reset_obstruction_map(context)
    core.set_stow_state(unstow=True, context=context)
    core.reboot(context)
    context.close()


addresses = [one for one in sys.argv[1:] if not one.startswith("--")]
for address in addresses:
    print(json.dumps(seen(address)))
if "--controls" in sys.argv:
    control(addresses[0])
