"""How each thing looks: functions from a generator and a color to polygons."""
