"""What hack/tools/audit_packages.py says of ecdsa, which has a known vulnerability."""

import subprocess
import sys


def test_the_gateway_never_imports_it() -> None:
    asked = "import sys, veriaidpo_gateway.server, jose.jwt; print('ecdsa' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
