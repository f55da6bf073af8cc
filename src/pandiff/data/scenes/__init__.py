"""The built-in world: small landscapes and streets with exact maps and several captions each."""

from pandiff.data.scenes.captions import SceneObject
from pandiff.data.scenes.phrases import Caption
from pandiff.data.scenes.relations import RELATIONS, relation_holds
from pandiff.data.scenes.scene import SPLITS, Scene, make_scene, scene_to_json
from pandiff.data.scenes.scenery import Setting
from pandiff.data.scenes.taxonomy import STUFF_NAMES, TAXONOMY, THING_NAMES
from pandiff.data.scenes.writing import write_scenes

__all__ = [
    "RELATIONS",
    "SPLITS",
    "STUFF_NAMES",
    "TAXONOMY",
    "THING_NAMES",
    "Caption",
    "Scene",
    "SceneObject",
    "Setting",
    "make_scene",
    "relation_holds",
    "scene_to_json",
    "write_scenes",
]
