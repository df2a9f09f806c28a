import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.wheels.wheel import Wheel

METADATA = """\
Metadata-Version: 2.4
Name: saigon-orm
Version: 0.1.0
Requires-Python: >=3.11
Provides-Extra: mysql
Requires-Dist: saigon-model~=0.1.0
Requires-Dist: sqlalchemy>=2
Requires-Dist: pymysql; extra == 'mysql'
Description-Content-Type: text/markdown

# saigon-orm
"""
FILES = {
    "saigon/orm/__init__.py": '"""Rows."""\n\n__version__ = "0.1.0"\n',
    "saigon/orm/mysql/__init__.py": "",
    "saigon/orm/mysql/errors.py": "",
    "saigon/orm/py.typed": "",
    "saigon_orm-0.1.0.dist-info/METADATA": METADATA,
    "saigon_orm-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    "saigon_orm-0.1.0.dist-info/licenses/LICENSE": "MIT",
    "saigon_orm-0.1.0.dist-info/RECORD": "",
}

MakeWheel = Callable[[dict[str, str | None]], Wheel]


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Return a function that writes a sound wheel with changes; None removes a file."""

    def make(changes: dict[str, str | None]) -> Wheel:
        path = tmp_path / "saigon_orm-0.1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**FILES, **changes}.items():
                if content is not None:
                    archive.writestr(name, content)
        return Wheel(path)

    return make
