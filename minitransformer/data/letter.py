"""A short text to write like, for who has none at hand: a letter from the small world."""

LETTER = """\
Dear Mia,

you asked how we live up here, so I will tell you. The house stands at the edge of the forest, and
in the morning the fog comes up from the lake and stands in the garden like a guest who does not
dare to knock. Squatch is always the first to get up. He lights the stove, he feeds the dog, and
then he bakes, for he has learned to bake, and since he has learned it there is no end of it. On
Monday there was bread. On Tuesday there was bread with nuts. On Wednesday he put the bread into
the oven, went out to look at a bird, and came back when the bird was gone and the bread was black.
We ate it all the same, with honey, and nobody said a word about it.

The dog has made a friend. It is the cat from the mill, who comes over the wall when she thinks
that nobody is looking. They do not play. They lie in the sun, he on the bench and she under it,
and when one of them gets up the other gets up too. Ada says that this is what friends are for.
Leo says that it is because of the sausage.

Now to the boat. You know that Omar wanted to build a boat. He has built it. It is green, it is
beautiful, and it does not float. We carried it down to the lake, all of us together, and put it on
the water, and it lay there for a moment like a leaf, and then it went down, slowly, without a
sound, as if it had thought about it and made up its mind. Omar stood there for a long time. Then
he said that he would now build a bench out of it. The bench is green, it is beautiful, and it
stands in the garden. That is where the cat lies.

In the evening we sit at the long table and tell stories. Everybody has to tell one, and it must
not be true. Nora tells the best ones, because she tells them as if they were true, and Squatch
tells the worst ones, because he begins to laugh before he comes to the end. Yesterday he told of a
pizza that was so large that the whole village had to come and eat, and when they had eaten there
was still so much of it that they slept on it. Then the lamp went out, and we sat in the dark and
listened to the owl.

Come and see us before the snow comes. Take the small road, the one behind the mill, and bring a
story with you. There is always bread.

Your Nora
"""
