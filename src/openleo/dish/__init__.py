"""The terminals' local API: what a dish answers on its own address, served and read.

Reading, without numpy: `reading` (``Dish``), over `grpc_calls` and `web_calls`; `errors`; `protocol`, the
messages.  Serving: `inputs` (what each second brings) -> `terminal` (state) -> `replies` -> `handling`
(requests and errors) -> `serving`, `web_serving`, `reflection`.  `firmware` tells versions apart, `causes`
shows why a dish is dark; `stage` makes dishes do what a file says.
"""

import os

# gRPC's C core writes lines of its own of each connection that fails; what fails is told by us.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
