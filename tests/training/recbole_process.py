"""RecBole reads an export and trains on it: `recbole_process.py DIRECTORY NAME`, by the Python of .venv-recbole.

Prints as JSON what RecBole found, rows of each split, fields, sums, and the AUC after one epoch of a factorisation
machine.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed


def main(directory: Path, name: str) -> None:
    """Read and train as RecBole's documentation does it, by the export's own configuration."""
    logging.disable(logging.WARNING)
    given = {
        "data_path": str(directory),
        "epochs": 1,
        "checkpoint_dir": str(directory / "saved"),
        "use_gpu": False,
        "show_progress": False,
    }
    config = Config(model="FM", dataset=name, config_file_list=[str(directory / "recbole.yaml")], config_dict=given)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    splits = data_preparation(config, dataset)
    told: dict[str, Any] = {
        "users": dataset.user_num - 1,  # number 0 stands for none
        "items": dataset.item_num - 1,
        "fields": {field: str(dataset.field2type[field].value) for field in dataset.inter_feat.columns},
        "rows": [len(split.dataset) for split in splits],
        "labels": [float(split.dataset.inter_feat["label"].sum()) for split in splits],
    }
    model = get_model("FM")(config, splits[0].dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], "FM")(config, model)
    trainer.fit(splits[0], splits[1], saved=True, show_progress=False)
    told["auc"] = float(trainer.evaluate(splits[2], load_best_model=True, show_progress=False)["auc"])
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
