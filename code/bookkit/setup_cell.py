"""The one setup cell that every notebook starts with."""

REPOSITORY = "your_name/glass-box-transformer"

SETUP_CELL = f'''\
# In Colab this cell installs the course package. Where it is installed, nothing happens.
import importlib.util

REPOSITORY = "{REPOSITORY}"
if importlib.util.find_spec("glassbox") is None:
    if REPOSITORY.startswith("your_name/"):
        raise ModuleNotFoundError(
            "glassbox is not installed, and this copy of the course has no published address yet. "
            "Run `make book` in its folder, or `pip install ./code`, then restart the kernel."
        )
    %pip install -q "git+https://github.com/{{REPOSITORY}}#subdirectory=code"'''
