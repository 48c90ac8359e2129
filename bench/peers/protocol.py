"""The other end of src/bench/protocol.ts for peers in Python: one JSON line in, one out, and the files they compute on."""
import json
import resource
import sys

try:
    import numpy as np
except ImportError:
    np = None

CHECKED = 2


def read_safetensors(path):
    """Arrays by name: 8 bytes of header length, a JSON header, float32 data."""
    raw = np.fromfile(path, np.uint8)
    length = int(raw[:8].view("<u8")[0])
    header = json.loads(raw[8 : 8 + length].tobytes())
    data = raw[8 + length :]
    return {name: data[slice(*entry["data_offsets"])].view("<f4").reshape(entry["shape"]) for name, entry in header.items()}


class Images:
    """The first n images and labels; more than the file holds repeat it."""

    def __init__(self, path):
        arrays = read_safetensors(path)
        self.images, self.labels = arrays["images"], arrays["labels"].astype(np.int64)

    def take(self, n):
        at = np.arange(n) % len(self.images)
        return np.ascontiguousarray(self.images[at]), self.labels[at]


def serve(peer):
    """Answers requests with peer.hello(), .prepare(case, files), .warm(batch) and .run(batch, batches) until `end`."""
    for line in sys.stdin:
        request = json.loads(line)
        number, op = request.pop("id"), request.pop("op")
        try:
            if op == "end":
                kilobytes = 1 if sys.platform == "darwin" else 1024
                answer = {"peakMemory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobytes}
            elif op == "prepare":
                answer = peer.prepare(request["case"], request["files"])
            elif op == "warm":
                answer = peer.warm(request["batch"]) or {}
            elif op == "run":
                images, seconds = peer.run(request["batch"], request["batches"])
                answer = {"images": images, "seconds": seconds}
            else:
                answer = peer.hello() if np else {"missing": "this Python has no numpy"}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": number, **answer}), flush=True)
        if op == "end":
            break
