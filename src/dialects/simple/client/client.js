export class Room {}
