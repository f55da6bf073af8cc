"""The classes of ADE20K's challenges: names, colors, and which of them are things."""

# ruff: noqa: E501

from __future__ import annotations

from pandiff.taxonomy import Category, Taxonomy

# fmt: off
INSTANCE_CLASSES = (
    0,
    8, 9, 11, 13, 15, 16, 19, 20, 21, 23, 24, 25, 28, 31, 32, 33, 34, 36, 37, 38, 39, 40, 42,
    43, 44, 45, 46, 48, 50, 51, 54, 56, 57, 58, 59, 63, 65, 66, 67, 68, 70, 71, 72, 73, 74, 75,
    76, 77, 79, 81, 82, 83, 84, 86, 87, 88, 89, 90, 91, 93, 94, 96, 98, 99, 103, 104, 105, 108,
    109, 111, 112, 113, 116, 117, 119, 120, 121, 122, 124, 125, 126, 127, 128, 130, 131, 133,
    134, 135, 136, 137, 138, 139, 140, 143, 144, 145, 147, 148, 149, 150,
)
# fmt: on
"""The class, 1..150, of each class 1..100 of the instance challenge; 0 for none."""

_CLASSES = """
787878 wall
b47878 building, edifice
06e6e6 sky
503232 floor, flooring
04c803 tree
787850 ceiling
8c8c8c road, route
cc05ff bed
e6e6e6 windowpane, window
04fa07 grass
e005ff cabinet
ebff07 sidewalk, pavement
96053d person, individual, someone, somebody, mortal, soul
787846 earth, ground
08ff33 door, double door
ff0652 table
8fff8c mountain, mount
ccff04 plant, flora, plant life
ff3307 curtain, drape, drapery, mantle, pall
cc4603 chair
0066c8 car, auto, automobile, machine, motorcar
3de6fa water
ff0633 painting, picture
0b66ff sofa, couch, lounge
ff0747 shelf
ff09e0 house
0907e6 sea
dcdcdc mirror
ff095c rug, carpet, carpeting
7009ff field
08ffd6 armchair
07ffe0 seat
ffb806 fence, fencing
0aff47 desk
ff290a rock, stone
07ffff wardrobe, closet, press
e0ff08 lamp
6608ff bathtub, bathing tub, bath, tub
ff3d06 railing, rail
ffc207 cushion
ff7a08 base, pedestal, stand
00ff14 box
ff0829 column, pillar
ff0599 signboard, sign
0633ff chest of drawers, chest, bureau, dresser
eb0cff counter
a09614 sand
00a3ff sink
8c8cc8 skyscraper
fa0a0f fireplace, hearth, open fireplace
14ff00 refrigerator, icebox
1fff00 grandstand, covered stand
ff1f00 path
ffe000 stairs, steps
99ff00 runway
0000ff case, display case, showcase, vitrine
ff4700 pool table, billiard table, snooker table
00ebff pillow
00adff screen door, screen
1f00ff stairway, staircase
0bc8c8 river
ff5200 bridge, span
00fff5 bookcase
003dff blind, screen
00ff70 coffee table, cocktail table
00ff85 toilet, can, commode, crapper, pot, potty, stool, throne
ff0000 flower
ffa300 book
ff6600 hill
c2ff00 bench
008fff countertop
33ff00 stove, kitchen stove, range, kitchen range, cooking stove
0052ff palm, palm tree
00ff29 kitchen island
00ffad computer, computing machine, computing device, data processor, electronic computer, information processing system
0a00ff swivel chair
adff00 boat
00ff99 bar
ff5c00 arcade machine
ff00ff hovel, hut, hutch, shack, shanty
ff00f5 bus, autobus, coach, charabanc, double-decker, jitney, motorbus, motorcoach, omnibus, passenger vehicle
ff0066 towel
ffad00 light, light source
ff0014 truck, motortruck
ffb8b8 tower
001fff chandelier, pendant, pendent
00ff3d awning, sunshade, sunblind
0047ff streetlight, street lamp
ff00cc booth, cubicle, stall, kiosk
00ffc2 television, television receiver, television set, tv, tv set, idiot box, boob tube, telly, goggle box
00ff52 airplane, aeroplane, plane
000aff dirt track
0070ff apparel, wearing apparel, dress, clothes
3300ff pole
00c2ff land, ground, soil
007aff bannister, banister, balustrade, balusters, handrail
00ffa3 escalator, moving staircase, moving stairway
ff9900 ottoman, pouf, pouffe, puff, hassock
00ff0a bottle
ff7000 buffet, counter, sideboard
8fff00 poster, posting, placard, notice, bill, card
5200ff stage
a3ff00 van
ffeb00 ship
08b8aa fountain
8500ff conveyer belt, conveyor belt, conveyer, conveyor, transporter
00ff5c canopy
b800ff washer, automatic washer, washing machine
ff001f plaything, toy
00b8ff swimming pool, swimming bath, natatorium
00d6ff stool
ff0070 barrel, cask
5cff00 basket, handbasket
00e0ff waterfall, falls
70e0ff tent, collapsible shelter
46b8a0 bag
a300ff minibike, motorbike
9900ff cradle
47ff00 oven
ff00a3 ball
ffcc00 food, solid food
ff008f step, stair
00ffeb tank, storage tank
85ff00 trade name, brand name, brand, marque
ff00eb microwave, microwave oven
f500ff pot, flowerpot
ff007a animal, animate being, beast, brute, creature, fauna
fff500 bicycle, bike, wheel, cycle
0abed4 lake
d6ff00 dishwasher, dish washer, dishwashing machine
00ccff screen, silver screen, projection screen
1400ff blanket, cover
ffff00 sculpture
0099ff hood, exhaust hood
0029ff sconce
00ffcc vase
2900ff traffic light, traffic signal, stoplight
29ff00 tray
ad00ff ashcan, trash can, garbage can, wastebin, ash bin, ash-bin, ashbin, dustbin, trash barrel, trash bin
00f5ff fan
4700ff pier, wharf, wharfage, dock
7a00ff crt screen
00ffb8 plate
005cff monitor, monitoring device
b8ff00 bulletin board, notice board
0085ff shower
ffd600 radiator
19c2c2 glass, drinking glass
66ff00 clock
5c00ff flag
"""
"""Color and names of the classes 1..150, as the challenge's objectInfo150.txt lists them."""


def _names() -> list[list[str]]:
    return [line[7:].split(", ") for line in _CLASSES.strip().splitlines()]


def _taxonomy() -> Taxonomy:
    colors = [bytes.fromhex(line[:6]) for line in _CLASSES.strip().splitlines()]
    return Taxonomy(
        tuple(
            Category(k, names[0], k in INSTANCE_CLASSES, (color[0], color[1], color[2]))
            for k, (names, color) in enumerate(zip(_names(), colors, strict=True), start=1)
        )
    )


ADE20K = _taxonomy()
"""The 150 classes; each has the first of its names."""


def synonyms() -> dict[str, int]:
    """The class of every name; where several have one, the class that has it first of all."""
    found = {c.name: c.id for c in ADE20K.categories}
    for k, names in enumerate(_names(), start=1):
        for name in names:
            found.setdefault(name, k)
    return found
