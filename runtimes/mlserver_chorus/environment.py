"""What other libraries read from the environment, said before they are imported."""

import os

# Where the package `kernels` is installed, transformers would fetch code from the hub and run it.
os.environ["USE_HUB_KERNELS"] = "NO"
