"""How the tool behaves as a program: bad inputs, bad disks, little memory, interruptions, its command line."""
