"""`python -m orchestration.cli` is `flux`: services are started so, since it needs no script on the PATH."""

import sys

from orchestration.cli.main import main

sys.exit(main())
