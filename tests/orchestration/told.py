"""What a process that became this module was given; run by test_dagster_processes."""

import json
import os
import sys

if __name__ == "__main__":
    given = {name: os.environ.get(name) for name in ("DAGSTER_HOME", "DAGSTER_STORAGE_URL")}
    print(json.dumps({"arguments": sys.argv[1:], **given}))
