"""What starlink-python sees of dishes, by reflection; runs in an environment of its own."""

import json
import sys

from spacex.starlink import StarlinkDish

for address in sys.argv[1:]:
    with StarlinkDish(address) as dish:
        status = dish.status
        found = {
            "id": dish.id,
            "software": dish.software_version,
            "connected": status.connected,
            "obstructed": status.obstructed,
            "uptime": status.uptime_as_seconds,
            "drop": status.ping_drop_rate,
            "alerts": len(status.alerts),
        }
    print(json.dumps(found))
