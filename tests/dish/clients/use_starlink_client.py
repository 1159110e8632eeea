"""What starlink-client sees of dishes, with the protos it ships; runs in an environment of its own."""

import json
import sys

from spacex.api.device import device_pb2 as d
from spacex.api.device import dish_pb2
from starlink_client.grpc_client import GrpcClient

for address in sys.argv[1:]:
    client = GrpcClient(address)
    status = client.call(d.Request(get_status=d.GetStatusRequest())).dish_get_status
    history = client.call(d.Request(get_history=d.GetHistoryRequest())).dish_get_history
    location = client.get_location()
    cause = dish_pb2.DishOutage.Cause.Name(status.outage.cause) if status.HasField("outage") else ""
    found = {
        "id": status.device_info.id,
        "outage": cause,
        "current": history.current,
        "ring": len(history.pop_ping_drop_rate),
        "lat": location.lat,
        "bootcount": status.device_info.bootcount,
        "code": status.disablement_code,
    }
    print(json.dumps(found))
